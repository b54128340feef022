# What is installed beside the programs. They find it relative to themselves: ../share/auteur.
set (share ${CMAKE_INSTALL_DATADIR}/auteur)
install (DIRECTORY models DESTINATION ${share} FILES_MATCHING PATTERN "*.json"
         PATTERN "*.safetensors" PATTERN "*.md")
install (DIRECTORY templates DESTINATION ${share})
install (DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md"
         PATTERN "*.png" PATTERN "*.jpg")
install (FILES proto/messages.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install (FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
